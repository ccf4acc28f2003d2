// Cuts the bytes that a client sends to Postgres into messages.

/** Bytes of a typed message before its body: the type and the length. */
const HEAD = 5;

/** Reads one connection, in order. What it is handed piece by piece it answers message by message. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);
  #isStarted = false;

  /** All messages that are whole by now. The first one of a connection has no type. */
  take(bytes: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const messages: Buffer[] = [];
    for (;;) {
      const length = this.#nextLength();
      if (length === null || this.#rest.length < length) return messages;
      messages.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      this.#isStarted = true;
    }
  }

  /** The same bytes as one piece, where nobody wants to look at the messages; a part of one is kept back. */
  skip(bytes: Buffer): Buffer {
    return Buffer.concat(this.take(bytes));
  }

  #nextLength(): number | null {
    if (!this.#isStarted) return this.#rest.length < 4 ? null : this.#rest.readInt32BE(0);
    return this.#rest.length < HEAD ? null : this.#rest.readInt32BE(1) + 1;
  }
}
