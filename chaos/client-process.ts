// A client process of a run: an application that enqueues, with or without executors for the fast path.
import { Enqueuing } from "./process/enqueuing.ts";
import {
  answerCommands,
  makeNode,
  obeySignals,
  send,
  settingsFromArguments,
  startPatiently,
} from "./process/node.ts";

const node = makeNode(settingsFromArguments());
obeySignals(node);
const enqueuing = new Enqueuing(node);
answerCommands(node, (command) => enqueuing.carryOut(command));
await startPatiently(node);
send({ kind: "ready" });
