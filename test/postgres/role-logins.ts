// Users of a database who have the roles that `rolesSql` makes, and what they left when a test is over.
import type pg from "pg";
import { rolesSql } from "../../src/store/postgres/index.ts";
import { freshSchema, sharedDatabase } from "../support/database.ts";

/** The roles. */
export type RoleKind = "owner" | "enqueuer" | "worker" | "dashboard";

/** Runs the script and makes users; the pool is an administrator's, on the database that `url` names. */
export class RoleLogins implements AsyncDisposable {
  readonly prefix = freshSchema();
  readonly #admin: pg.Pool;
  readonly #url: string;
  readonly #made: string[] = [];

  constructor(admin: pg.Pool, url: string = sharedDatabase()) {
    this.#admin = admin;
    this.#url = url;
  }

  /** The name of a role. */
  role(kind: RoleKind): string {
    return `${this.prefix}_${kind}`;
  }

  /** Runs the script. */
  async apply(schema: string, by: Pick<pg.Client, "query"> | pg.Pool = this.#admin): Promise<void> {
    await (by as pg.Pool).query(rolesSql(schema, this.prefix));
  }

  /** A new user who has these roles; answers how it connects. */
  async login(...kinds: readonly RoleKind[]): Promise<string> {
    const user = `${this.prefix}_user_${this.#made.length}`;
    const roles = kinds.map((kind) => this.role(kind)).join(", ");
    await this.#admin.query(`create role ${user} login${kinds.length > 0 ? ` in role ${roles}` : ""}`);
    this.#made.push(user);
    const url = new URL(this.#url);
    url.username = user;
    return url.href;
  }

  /** A new user who acts as the owner from the beginning of each session, as docs/sql.md has it. */
  async migrator(): Promise<string> {
    const connectionString = await this.login("owner");
    await this.#admin.query(
      `alter role ${new URL(connectionString).username} set role = '${this.role("owner")}'`,
    );
    return connectionString;
  }

  /** What the roles own goes with them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const kinds = ["enqueuer", "worker", "dashboard", "owner"] as const;
    const roles = [...this.#made, ...kinds.map((kind) => this.role(kind))];
    const { rows } = await this.#admin.query<{ rolname: string }>(
      "select rolname from pg_roles where rolname = any ($1)",
      [roles],
    );
    const standing = new Set(rows.map(({ rolname }) => rolname));
    for (const role of roles.filter((one) => standing.has(one))) {
      await this.#admin.query(`drop owned by ${role} cascade; drop role ${role}`);
    }
  }
}
