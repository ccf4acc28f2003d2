/** All laws of the store contract, by theme. */
import { actLaws } from "./act-laws.ts";
import { birthLaws } from "./birth-laws.ts";
import { claimByIdLaws } from "./claim-by-id-laws.ts";
import { claimLaws } from "./claim-laws.ts";
import { confirmationLaws } from "./confirmation-laws.ts";
import { dataLaws } from "./data-laws.ts";
import { deleteLaws } from "./delete-laws.ts";
import { dueLaws } from "./due-laws.ts";
import { duplicateLaws } from "./duplicate-laws.ts";
import { endedClaimsLaws } from "./ended-claims-laws.ts";
import { fencingLaws } from "./fencing-laws.ts";
import type { Law } from "./harness.ts";
import { keyLaws } from "./key-laws.ts";
import { lossLaws } from "./loss-laws.ts";
import { operatorLaws } from "./operator-laws.ts";
import { processLaws } from "./process-laws.ts";
import { readingLaws } from "./reading-laws.ts";
import { retentionLaws } from "./retention-laws.ts";
import { rollUpLaws } from "./roll-up-laws.ts";
import { schemaLaws } from "./schema-laws.ts";
import { settleLaws } from "./settle-laws.ts";
import { transactionLaws } from "./transaction-laws.ts";
import { waitingLaws } from "./waiting-laws.ts";

/** Every law of the store contract. Names are unique and stable: `skip` lists refer to them. */
export const storeLaws: readonly Law[] = Object.freeze([
  ...schemaLaws,
  ...transactionLaws,
  ...waitingLaws,
  ...duplicateLaws,
  ...dataLaws,
  ...dueLaws,
  ...claimLaws,
  ...claimByIdLaws,
  ...keyLaws,
  ...birthLaws,
  ...lossLaws,
  ...settleLaws,
  ...fencingLaws,
  ...confirmationLaws,
  ...operatorLaws,
  ...deleteLaws,
  ...actLaws,
  ...retentionLaws,
  ...processLaws,
  ...endedClaimsLaws,
  ...readingLaws,
  ...rollUpLaws,
]);
