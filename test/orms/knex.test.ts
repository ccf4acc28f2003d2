// The laws of adapters on Knex.
import { describeAdapter } from "../adapters/adapter-suite.ts";
import { knexLibrary } from "./libraries/knex.ts";

describeAdapter(knexLibrary);
