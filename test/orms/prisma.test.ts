// The laws of adapters on Prisma.
import { describeAdapter } from "../adapters/adapter-suite.ts";
import { prismaLibrary } from "./libraries/prisma.ts";

describeAdapter(prismaLibrary);
