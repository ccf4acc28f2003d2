/** Statements of claiming. Every scan is forced onto the index of its kind, runs in due order and is bounded. */

/** The three kinds of pending tasks; each has an index of its own. */
export type Kind = "ready" | "suspect" | "alone";

interface KindStatements {
  /** Which types have tasks of this kind, found by leaping through the index from one to the next. */
  readonly types: string;
  /** Due tasks of one type that nobody alive holds. `dead`: its process has died. */
  readonly candidates: string;
  /** The same without those of some keys. */
  readonly candidatesWithout: string;
}

/** Held by this process under a claim that it has ended. */
const endedByOwner =
  "p.owner = :owner and p.claim < :own_claim and p.claim not in (select l.value from json_each(:live_claims) l)";
/** Nobody alive holds it. */
export const claimable = `(
    p.owner is null
    or (${endedByOwner})
    or (p.owner <> :owner and not exists (select 1 from owed_process r where r.owner = p.owner))
  )`;

const candidatesOf = (index: string, condition: string, further: string): string => `select
  p.id,
  p.next_attempt_at as due,
  p.lost_attempts,
  p.owner is not null and p.owner <> :owner as dead,
  cast(p.key_hash as text) as key
from owed_pending p indexed by ${index}
where p.type_hash = :type_hash
  and p.${condition}
  and p.next_attempt_at <= :due
  and ${claimable}${further}
order by p.next_attempt_at, p.id
limit :limit`;

const statementsOf = (index: string, condition: string): KindStatements => ({
  types: `with recursive leap (type_hash) as (
  select (select min(type_hash) from owed_pending indexed by ${index} where ${condition})
  union all
  select (
    select min(p.type_hash)
    from owed_pending p indexed by ${index}
    where p.${condition}
      and p.type_hash > leap.type_hash
  )
  from leap
  where leap.type_hash is not null
)
select cast(type_hash as text) as type_hash
from leap
where type_hash is not null`,
  candidates: candidatesOf(index, condition, ""),
  candidatesWithout: candidatesOf(
    index,
    condition,
    `
  and (p.key_hash is null or p.key_hash not in (select s.value from json_each(:shut) s))`,
  ),
});

/** Scans by kind. */
export const scans: Readonly<Record<Kind, KindStatements>> = Object.freeze({
  ready: statementsOf("owed_pending_ready", "lost_attempts = 0"),
  suspect: statementsOf("owed_pending_suspect", "lost_attempts = 1"),
  alone: statementsOf("owed_pending_alone", "lost_attempts > 1"),
});

/** A piece of the ready tasks of a type, as above, behind a place in due order. */
export const frontOfType = candidatesOf(
  "owed_pending_ready",
  "lost_attempts = 0",
  `
  and (p.next_attempt_at, p.id) > (:after_due, :after_id)`,
);

/** Ready tasks of one key, as above. */
export const candidatesOfKey = candidatesOf(
  "owed_pending_keyed",
  "lost_attempts = 0",
  `
  and p.key_hash = :key_hash`,
);

/** The keys of a type behind one of them, so many at most, each with the instant at which the first of its tasks is due. */
export const keysBehind = `with recursive leap (key_hash, hops) as (
  select (
    select min(key_hash)
    from owed_pending indexed by owed_pending_keyed
    where type_hash = :type_hash and lost_attempts = 0 and key_hash > :after
  ), 1
  union all
  select (
    select min(p.key_hash)
    from owed_pending p indexed by owed_pending_keyed
    where p.type_hash = :type_hash and p.lost_attempts = 0 and p.key_hash > leap.key_hash
  ), leap.hops + 1
  from leap
  where leap.key_hash is not null and leap.hops < :hops
)
select
  cast(l.key_hash as text) as key,
  (
    select min(p.next_attempt_at)
    from owed_pending p indexed by owed_pending_keyed
    where p.type_hash = :type_hash and p.lost_attempts = 0 and p.key_hash = l.key_hash
  ) as due
from leap l
where l.key_hash is not null
order by l.key_hash`;

/** The named tasks, as above, whatever their kind. */
export const namedCandidates = `select
  p.id,
  p.next_attempt_at as due,
  p.lost_attempts,
  p.owner is not null and p.owner <> :owner as dead,
  cast(p.key_hash as text) as key,
  t.type
from json_each(:task_ids) n
cross join owed_task t on t.task_id = n.value
cross join owed_pending p on p.id = t.id
where p.next_attempt_at <= :due
  and ${claimable}
order by n.key`;

/** The size of the data of tasks. */
export const readSizes = `select t.id, length(t.data) as bytes
from json_each(:ids) i
cross join owed_task t on t.id = i.value`;

/** Puts tasks under a claim. */
export const takeClaims = `update owed_pending
set owner = :owner, claim = :claim
where id in (select value from json_each(:ids))`;

/** The last row of a page of pending ones. */
export const endOfPage = `select max(p.id) as id
from (select id from owed_pending where id > :after order by id limit :page) p`;

/** Frees what a process holds under claims that it has ended, in a page of rows. */
export const freeEnded = `update owed_pending as p
set owner = null, claim = null, next_attempt_at = max(p.next_attempt_at, :now)
where p.id > :after
  and p.id <= :last
  and ${endedByOwner}`;

/** What was taken, in the order of the ids given. */
export const readClaimed = `select
  cast(p.id as text) as id,
  t.task_id,
  t.type,
  t.key,
  t.data,
  t.codec,
  t.reference_id,
  t.headers,
  p.generation,
  p.failed_attempts,
  p.lost_attempts,
  p.deferred_attempts,
  p.first_due_at,
  p.deferred_since
from json_each(:ids) i
cross join owed_pending p on p.id = i.value
cross join owed_task t on t.id = p.id
order by i.key`;

/** Writes into the stories of tasks that the processes which hold them have died. */
export const recordLosses = `insert into owed_attempt (task, outcome, generation, owner, claim, accepted, recorded_at)
select p.id, 'lost', p.generation, p.owner, p.claim, 1, :now
from json_each(:ids) i
cross join owed_pending p on p.id = i.value`;

/** Sets tasks of dead processes free as suspects, due as before. */
export const suspectLosses = `update owed_pending
set lost_attempts = lost_attempts + 1, owner = null, claim = null
where id in (select value from json_each(:ids))`;

/** Sets a suspect of a dead process free, and aside until it is due. */
export const setAside = `update owed_pending
set lost_attempts = lost_attempts + 1, owner = null, claim = null, next_attempt_at = :due
where id = :id`;
