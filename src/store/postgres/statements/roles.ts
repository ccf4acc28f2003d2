/** Roles of least privilege, as a script that a database administrator runs. */
import { checkedName, type Names, namesIn, quoteBody, quoteIdentifier } from "../identifier.ts";

/** The four roles of one schema, quoted. None of them can log in: they are granted to the users that do. */
interface Roles {
  readonly owner: string;
  readonly enqueuer: string;
  readonly worker: string;
  readonly dashboard: string;
}

/**
 * The SQL that makes four roles, `<prefix>_owner`, `_enqueuer`, `_worker` and `_dashboard`, gives the schema to the owner, and
 * to the others what they need and no more. It may be run again, and has to be after a migration. The prefix is the name of
 * the schema unless given. Throws InvalidInputError for a name that cannot be used.
 */
export function rolesSql(schema = "owed", prefix: string = schema): string {
  const names = namesIn(schema);
  const checked = checkedName("prefix", prefix);
  const role = (kind: string): string => quoteIdentifier(`${checked}_${kind}`);
  const roles = {
    owner: role("owner"),
    enqueuer: role("enqueuer"),
    worker: role("worker"),
    dashboard: role("dashboard"),
  };
  return [
    `-- Roles for the package "owed". docs/sql.md tells what each may do, and how users get them.
-- Run it again after each migration: psql -v ON_ERROR_STOP=1 -f roles.sql`,
    "begin;",
    ...Object.values(roles).map(creation),
    owner(names, roles),
    rights(names, roles),
    "commit;",
    "",
  ].join("\n\n");
}

/** Runs statements, and goes on if they fail for one of these reasons. */
const unless = (conditions: string, statements: string, then = "null;"): string =>
  `do ${quoteBody(`
begin
  ${statements}
exception
  when ${conditions} then
    ${then}
end
`)};`;

const creation = (role: string): string =>
  unless("duplicate_object or insufficient_privilege", `create role ${role} nologin;`);

const tablesOf = (names: Names): string[] => [
  names.task,
  names.pending,
  names.settled,
  names.confirmed,
  names.attempt,
  names.process,
  names.counter,
  names.schemaVersion,
  names.taskState,
  names.act,
  names.rollUp,
];

const functionsOf = (names: Names): string[] => [
  names.resolveDuplicates,
  names.resolveOwnDuplicates,
  names.openTransactions,
  names.confirmWithin,
  names.insertTasks1,
  names.dueOf,
  names.resolveOrRefuse,
  names.insertTask,
  names.insertTasks,
  names.insertKeyedTasks,
  names.setKeys,
  names.enqueue,
  names.canonicalJson,
  names.canonicalNumber,
  names.shortestDouble,
  names.cancelTask,
  names.redriveTask1,
  names.redriveTask,
  names.eraseTask,
  names.deleteTask,
];

/** Whoever gives something away to a role has to be a member of it, unless it is a superuser. */
const owner = (names: Names, { owner: role }: Roles): string => `-- The schema belongs to the owner.
${unless("insufficient_privilege or invalid_grant_operation", `grant ${role} to current_user;`)}
${unless("insufficient_privilege", `create schema if not exists ${names.schema} authorization ${role};`)}
alter schema ${names.schema} owner to ${role};`;

const rights = (names: Names, roles: Roles): string => {
  const others = [roles.enqueuer, roles.worker, roles.dashboard].join(", ");
  const statements = [
    ...tablesOf(names).map((table) => `alter table ${table} owner to ${roles.owner};`),
    ...functionsOf(names).map((name) => `alter function ${name} owner to ${roles.owner};`),
    `revoke all on schema ${names.schema} from public, ${others};`,
    `revoke all on all tables in schema ${names.schema} from public, ${others};`,
    `revoke all on all functions in schema ${names.schema} from public, ${others};`,
    `grant usage on schema ${names.schema} to ${others};`,
    `grant select on ${names.schemaVersion} to ${others};`,
    ...enqueuing(names, `${roles.enqueuer}, ${roles.worker}`),
    ...working(names, roles.worker),
    ...looking(names, roles.dashboard),
  ];
  const missing = `raise warning 'the tables are missing or older than this script: migrate, then run it again';`;
  return `-- Who may do what. Everything is taken back first, so that these lines are all there is.
${unless("undefined_table or undefined_function", statements.join("\n  "), missing)}`;
};

/**
 * No table: the functions run with the rights of the owner. Those that every enqueue calls do so only from here on, since it
 * costs time, which a database without these roles need not pay.
 */
const enqueuing = (names: Names, roles: string): string[] => {
  const inserting = [names.insertTask, names.insertTasks, names.insertKeyedTasks];
  return [
    ...inserting.map(
      (name) => `alter function ${name} security definer set search_path = pg_catalog, pg_temp;`,
    ),
    // The first is what processes of an older version call, while a deploy goes on.
    ...[names.insertTasks1, ...inserting, names.enqueue, names.resolveOwnDuplicates, names.setKeys].map(
      (name) => `grant execute on function ${name} to ${roles};`,
    ),
  ];
};

/** Columns that no attempt changes are not granted. "for update" asks for the right to some column. */
const working = (names: Names, role: string): string[] => [
  `grant select, delete on ${names.task} to ${role};`,
  `grant select, delete on ${names.pending} to ${role};`,
  `grant update (owner, claim, next_attempt_at, failed_attempts, lost_attempts, deferred_attempts, deferred_since)
    on ${names.pending} to ${role};`,
  `grant select, insert, delete, update (error) on ${names.settled} to ${role};`,
  `grant select, insert, delete, update (ids, generations) on ${names.confirmed} to ${role};`,
  `grant select, insert, delete on ${names.attempt} to ${role};`,
  `grant select, insert, update, delete on ${names.process} to ${role};`,
  `grant select, update (value) on ${names.counter} to ${role};`,
  `grant select on ${names.taskState} to ${role};`,
  `grant select, insert, update, delete on ${names.rollUp} to ${role};`,
  `grant execute on function ${names.openTransactions}, ${names.confirmWithin} to ${role};`,
];

const looking = (names: Names, role: string): string[] => [
  `grant select on all tables in schema ${names.schema} to ${role};`,
  `grant insert on ${names.act} to ${role};`,
  ...[names.cancelTask, names.redriveTask1, names.redriveTask, names.eraseTask, names.deleteTask].map(
    (name) => `grant execute on function ${name} to ${role};`,
  ),
];
