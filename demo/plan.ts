/** The numbers of the demo: what is posted, how bad the merchant is, when the service is killed. */

/** Everything that can be turned; times in milliseconds. */
export const plan = Object.freeze({
  /** Payments the driver posts, in bunches: more at once than the fast path takes, so that the worker gets its share. */
  payments: 300,
  paymentsPerBunch: 20,
  bunchEveryMs: 1_200,
  /** Between two payments of a bunch. */
  spacingMs: 5,
  /** The service is killed when so many payments have been answered: in the middle of a bunch. */
  killAfterAnswers: Object.freeze([30, 230]),
  /** A call of the merchant's endpoint takes this long. */
  merchantDelayMs: Object.freeze({ least: 200, most: 1_200 }),
  /** One call of so many is answered with 500. */
  merchantRefusesEvery: 3,
  /** Short, so that what a killed process held is free again while one watches. The default is 15 s. */
  leaseMs: 3_000,
  /** First and longest delay between attempts. The default goes from 1 s to 6 h. */
  backoff: Object.freeze({ baseMs: 250, maxDelayMs: 1_000 }),
  /** An attempt to deliver that takes longer has failed. */
  webhookTimeoutMs: 5_000,
  /** The demo stops waiting and draws the balance, whatever it is. */
  deadlineMs: 45_000,
});
