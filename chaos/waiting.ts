// Scenarios of the catalogue that cannot run: what they test is not built, or does not exist here. Never counted as passed.
import type { WaitingScenario } from "./scenario.ts";

/** All of them, each with what it waits for. */
export const waiting: readonly WaitingScenario[] = [
  {
    id: "F32",
    title: "200 transactions that enqueue at once, with notify on",
    waitsFor: "a measurement in bench/",
  },
  {
    id: "F48",
    title: "fork after the pool was created",
    waitsFor: "a runtime that forks: Node starts a fresh process, which inherits no pool",
  },
  {
    id: "F49",
    title: "the parent dies and an orphaned heartbeat thread goes on",
    waitsFor:
      "a heartbeat beside the main loop: there is none, so nothing can be orphaned (F13 holds the loop)",
  },
  { id: "F70", title: "kill the process that fires cron around the slot", waitsFor: "schedules" },
  { id: "F71", title: "the database is down across three slots", waitsFor: "schedules" },
  { id: "F72", title: "daylight saving both ways, timers early and late", waitsFor: "schedules" },
  {
    id: "F73",
    title: "delays beyond a timer, year 9999, infinity in cron",
    waitsFor: "schedules (delays are covered by unit tests)",
  },
  { id: "F74", title: "two schedulers that both think they lead", waitsFor: "schedules" },
];
