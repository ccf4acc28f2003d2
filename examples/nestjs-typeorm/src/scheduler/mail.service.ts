// The HTTP API of the mail provider.
import { Injectable } from "@nestjs/common";
import { PermanentError } from "owed";

/** A mail, and what makes sending it twice harmless. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly idempotencyKey: string;
}

/** Sends mails. */
@Injectable()
export class MailService {
  readonly #url = process.env.MAILER_URL ?? "http://127.0.0.1:2525/";

  async send({ idempotencyKey, ...mail }: Mail, signal: AbortSignal): Promise<void> {
    const answer = await fetch(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
      body: JSON.stringify(mail),
      signal,
    });
    await answer.body?.cancel(); // the status is all that counts; this frees the connection
    if (answer.status === 422) throw new PermanentError(`the mail provider refuses ${mail.to}`);
    if (!answer.ok) throw new Error(`the mail provider answered ${answer.status}`);
  }
}
