/** An answer other than what was asked for, thrown from wherever it is found out. */

/** Ends a request with a page that says why. */
export class Refusal extends Error {
  readonly status: number;
  readonly title: string;
  /** What to do about it; empty when there is nothing to say. */
  readonly remedy: string;

  /** The message and the remedy are shown to the person. */
  constructor(status: number, title: string, message: string, remedy = "") {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.title = title;
    this.remedy = remedy;
  }
}

/** A request that a browser with our pages does not send. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, "That cannot be read", message, "Go back, load the page again, and try once more.");
}

/** Nothing of that kind is here, or the person may not know of it. */
export function notFound(message: string): Refusal {
  return new Refusal(404, "Not found", message);
}
