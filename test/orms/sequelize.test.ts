// The laws of adapters on Sequelize.
import { describeAdapter } from "../adapters/adapter-suite.ts";
import { sequelizeLibrary } from "./libraries/sequelize.ts";

describeAdapter(sequelizeLibrary);
