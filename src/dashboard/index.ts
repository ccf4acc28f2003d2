/** The front door of `owed/dashboard`: pages for whoever looks after tasks, as a handler from Request to Response. */
export { type DashboardHandler, dashboard } from "./dashboard.ts";
export { nodeHandler } from "./node-handler.ts";
export type {
  Authorize,
  AuthorizedOptions,
  CommonDashboardOptions,
  DashboardOptions,
  DashboardStore,
  LoopbackOptions,
  Right,
  RightQuestion,
  TaskInQuestion,
} from "./options.ts";
