// A shop: takes orders over HTTP, owes a receipt for each, and sends it from the same process.
import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import { AppModule } from "./app.module.ts";

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks(["SIGTERM", "SIGINT"], { useProcessExit: true }); // ends with 0, not with the signal
await app.listen(process.env.PORT ?? 3000);
