// A shop: takes orders over HTTP, owes a receipt for each, and sends it from the same process.
import { createApp } from "./app.ts";

const {
  DATABASE_URL = "postgres://localhost/shop",
  MAILER_URL = "http://127.0.0.1:2525/",
  PORT = "3000",
} = process.env;

const app = createApp({ databaseUrl: DATABASE_URL, mailerUrl: MAILER_URL });
await app.listen({ port: Number(PORT), host: "0.0.0.0" });

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void app.close());
