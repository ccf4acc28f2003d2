// Ended claims are freed page by page, and no row falls between two pages.
import { expect, test } from "vitest";

import { openScene } from "./harness.ts";

/** Rows looked at in one write transaction. */
const PAGE = 10_000;
const OWNER = "7";

/** A backlog of which the rows at the places given are held under claim 1. */
async function openBacklog(rows: number, held: readonly number[]) {
  const scene = await openScene();
  scene.handle.exec(`with recursive n (id) as (select 1 union all select id + 1 from n where id < ${rows})
    insert into owed_task (id, task_id, type, codec, created_at) select id, 'task-' || id, 'test', 'json', 0 from n`);
  scene.handle.exec(`insert into owed_pending (id, type_hash, next_attempt_at, first_due_at)
    select id, 1, 0, 0 from owed_task`);
  scene.handle.exec(
    `update owed_pending set owner = ${OWNER}, claim = 1 where id in (${held.map((place) => place + 1).join()})`,
  );
  const heldRows = (): unknown[] =>
    scene.handle
      .prepare("select id - 1 as place from owed_pending where owner is not null order by id")
      .all()
      .map((row) => (row as { place: number }).place);
  return { ...scene, heldRows };
}

test.each([
  ["exactly a page", PAGE, [0, PAGE - 1], 1],
  ["one row more than a page", PAGE + 1, [PAGE - 1, PAGE], 2],
  ["exactly two pages", 2 * PAGE, [0, PAGE - 1, PAGE, 2 * PAGE - 1], 2],
])("all ended claims of a backlog of %s are freed", async (_, rows, held, pages) => {
  await using scene = await openBacklog(rows, held);
  let after: string | null = null;
  const answers: unknown[] = [];
  const heldAfter: unknown[] = [];
  do {
    const request = { owner: OWNER, claim: 2, liveClaims: [], after };
    const answer = await scene.store.freeEndedClaims(request);
    answers.push(answer);
    heldAfter.push(scene.heldRows());
    after = answer.next;
  } while (after !== null);
  const ends = Array.from({ length: pages }, (__, page) => Math.min((page + 1) * PAGE, rows));
  expect(answers).toEqual([...ends.map((end) => ({ left: 0, next: String(end) })), { left: 0, next: null }]);
  // Each page frees its own rows and touches none behind it.
  expect(heldAfter).toEqual([...ends.map((end) => held.filter((place) => place >= end)), []]);
});
