/** Version 3: confirming a task inside a caller's transaction. */
import { type Names, quoteBody } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const confirmWithin = (names: Names): string => `
-- Confirms a task under its current claim in the transaction that calls this; false, and nothing is written, under any
-- other. A sequential scan would, in a serializable transaction, read the rows of all others, and each would fail another.
create function ${names.confirmWithin}(
  task bigint,
  claim_owner bigint,
  claim_number bigint,
  claim_generation integer,
  now_ms double precision
)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as ${quoteBody(confirmation(names))};
`;

const confirmation = (names: Names): string => `
begin
  delete from ${names.pending} p
    where p.id = task
      and p.owner = claim_owner
      and p.claim = claim_number
      and p.generation = claim_generation;
  if not found then
    return false;
  end if;
  insert into ${names.confirmed} (bucket, settled_at, owner, ids, generations)
    values (
      task / 1024,
      coalesce(cast('epoch' as timestamptz) + now_ms * interval '1 millisecond', clock_timestamp()),
      claim_owner,
      array[task],
      case when claim_generation > 1 then array[claim_generation] end
    );
  return true;
end
`;
