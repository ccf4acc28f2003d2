// All faults of the comparison, in the order in which they are run.
import type { Fault } from "./fault.ts";
import { kill } from "./scenarios/kill.ts";
import { lostReply } from "./scenarios/lost-reply.ts";
import { pause } from "./scenarios/pause.ts";
import { poison } from "./scenarios/poison.ts";
import { serverOutage, terminatedConnections } from "./scenarios/unavailable.ts";

/** All of them. */
export const faults: readonly Fault[] = [kill, serverOutage, terminatedConnections, pause, lostReply, poison];
