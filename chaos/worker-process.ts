// A worker process of a run: it claims and executes what the scripts say, and writes its history.
import {
  answerCommands,
  makeNode,
  obeySignals,
  send,
  settingsFromArguments,
  startPatiently,
} from "./process/node.ts";

const settings = settingsFromArguments();
const node = makeNode(settings);
obeySignals(node);
answerCommands(node, () => undefined);
node.worker = node.scheduler.startWorker({
  concurrency: settings.concurrency,
  pollIntervalMs: settings.pollIntervalMs,
});
await startPatiently(node);
send({ kind: "ready" });
