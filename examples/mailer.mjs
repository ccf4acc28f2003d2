// `npm run mailer`: a stand-in for a mail provider. It prints what it is asked to send, and sends nothing.
import { createServer } from "node:http";

const port = Number(process.env.MAILER_PORT ?? 2525);
const seen = new Set();

createServer(async (request, response) => {
  const key = request.headers["idempotency-key"];
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { to, subject } = JSON.parse(Buffer.concat(chunks).toString());
  console.log(seen.has(key) ? `known  ${key}` : `sends  ${key}: "${subject}" to ${to}`);
  seen.add(key);
  response.writeHead(202).end();
}).listen(port, () => console.log(`a mail provider listens on port ${port}`));
