// Raw SQL on SQLite, the limit: the rows of owed by prepared statements, as durable as owed's, without a library in between.
import { DatabaseSync } from "node:sqlite";
import { sqliteStore } from "../built-library.ts";
import { type Driver, type Execute, nowNs, type Payload, payloadOf } from "../port.ts";
import { taskIds } from "../task-ids.ts";

const BATCH = 500;
const TYPE_NUMBER = 4711;

const insertTask = `insert into owed_task (task_id, type, data, codec, created_at)
  values (?, 'work', ?, 'json', ?)
  on conflict (task_id) do nothing`;
const insertPending = `insert into owed_pending (id, type_hash, next_attempt_at, first_due_at)
  values (?, ${TYPE_NUMBER}, ?, ?)`;
const claimTasks = `update owed_pending
  set owner = ?, claim = ?
  where id in (
    select p.id
    from owed_pending p
    where p.type_hash = ${TYPE_NUMBER}
      and p.lost_attempts = 0
      and p.next_attempt_at <= ?
      and p.owner is null
    order by p.next_attempt_at
    limit ${BATCH}
  )
  returning id`;
const readTask = "select data from owed_task where id = ?";
const endTask = "delete from owed_pending where id = ? and owner = ? and claim = ? and generation = 1";
const confirmTask = `insert into owed_settled (
    id, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts, owner, claim
  )
  values (?, 'confirmed', ?, 1, 0, 0, 0, ?, ?)`;
const addConfirmed = "update owed_confirmed set tasks = tasks + ?";

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000");
  return database;
}

function inserter(database: DatabaseSync): (n: number) => void {
  const task = database.prepare(insertTask);
  const pending = database.prepare(insertPending);
  const nextId = taskIds();
  return (n) => {
    const now = Date.now();
    const { lastInsertRowid } = task.run(nextId(), Buffer.from(JSON.stringify(payloadOf(n))), now);
    pending.run(lastInsertRowid, now, now);
  };
}

async function drain(database: DatabaseSync, execute: Execute): Promise<void> {
  const owner = 1 + Math.floor(Math.random() * 1e12);
  const [claim, read, end, confirm, add] = [claimTasks, readTask, endTask, confirmTask, addConfirmed].map(
    (text) => database.prepare(text),
  ) as [Statement, Statement, Statement, Statement, Statement]; // five texts
  for (let number = 1; ; number += 1) {
    const ids = claim.all(owner, number, Date.now()).map((row) => Number(row["id"]));
    for (const id of ids) {
      const data = read.get(id)?.["data"] as Uint8Array; // as it was enqueued
      execute(JSON.parse(Buffer.from(data).toString()) as Payload);
    }
    if (ids.length > 0) {
      database.exec("begin immediate");
      for (const id of ids) {
        end.run(id, owner, number);
        confirm.run(id, Date.now(), owner, number);
      }
      add.run(ids.length);
      database.exec("commit");
    }
    await new Promise((resolve) => setTimeout(resolve, ids.length === 0 ? 25 : 0));
  }
}

type Statement = ReturnType<DatabaseSync["prepare"]>;

/** Its driver. */
export const driver: Driver = {
  async prepare({ file }) {
    const store = sqliteStore({ file });
    await store.migrate();
    await store.close();
    const database = open(file);
    database.exec("create table business (id integer primary key, amount integer not null) strict");
    database.close();
  },
  async filler({ file }) {
    const database = open(file);
    const insert = inserter(database);
    return {
      async add(from, count) {
        database.exec("begin immediate");
        for (let n = from; n < from + count; n += 1) {
          insert(n);
        }
        database.exec("commit");
      },
      close: () => Promise.resolve(database.close()),
    };
  },
  async work({ file }, execute) {
    void drain(open(file), execute).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  },
  async isDone({ file }) {
    const database = open(file);
    const row = database.prepare("select id from owed_pending limit 1").get();
    database.close();
    return row === undefined;
  },
  enqueuers: {
    "without any": async ({ file }) => {
      const database = open(file);
      const business = database.prepare("insert into business (id, amount) values (?, ?)");
      return {
        async commit(n) {
          database.exec("begin immediate");
          business.run(n, 4200);
          database.exec("commit");
          return nowNs();
        },
        close: () => Promise.resolve(database.close()),
      };
    },
    insert: async ({ file }) => {
      const database = open(file);
      const business = database.prepare("insert into business (id, amount) values (?, ?)");
      const insert = inserter(database);
      return {
        async commit(n) {
          database.exec("begin immediate");
          business.run(n, 4200);
          insert(n);
          database.exec("commit");
          return nowNs();
        },
        close: () => Promise.resolve(database.close()),
      };
    },
  },
};
