/** Statements on the registry of processes. */

/** Registering again counts as a heartbeat, so that an observer sees a change. */
export const registerProcess = `insert into owed_process (
  owner, beats, beat_at, lease_ms, registered_at, host, pid, slots, types
)
values (:owner, 0, :now, :lease_ms, :now, :host, :pid, :slots, :types)
on conflict (owner) do update
set beats = beats + 1,
  beat_at = excluded.beat_at,
  lease_ms = excluded.lease_ms,
  host = excluded.host,
  pid = excluded.pid,
  slots = excluded.slots,
  types = excluded.types`;

/** The own heartbeat, and how many there were; no row means that others have declared this process dead. */
export const beatOwn =
  "update owed_process set beats = beats + 1, beat_at = :now where owner = :owner returning beats";

/** Whether a process is registered. */
export const findProcess = "select 1 as found from owed_process where owner = :owner";

/** Declares a process dead if its heartbeat is still the one that was seen. */
export const removeSilent = "delete from owed_process where owner = :owner and beats = :beats";

/** All registered processes but one. */
export const readOthers = `select cast(owner as text) as owner, beats, lease_ms
from owed_process
where owner <> :owner
order by owner`;

/** The registered processes, longest registered first. */
export const readProcesses = `select
  cast(owner as text) as owner,
  beat_at,
  lease_ms,
  registered_at,
  host,
  pid,
  slots,
  types
from owed_process
order by registered_at, owner
limit 1000`;

/** Makes the claims of a process void. */
export const deleteProcess = "delete from owed_process where owner = :owner";
