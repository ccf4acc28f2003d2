// The scheduler of the application: made with services of Nest, started and stopped with the application.
import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from "@nestjs/common";
import { executor, Scheduler } from "owed";
import { postgresStore } from "owed/postgres";
import { type TypeormTransaction, typeormTransactions } from "owed/typeorm";
import { databaseUrl } from "../database-url.ts";
import { MailService } from "./mail.service.ts";
import { sendReceipt } from "./send-receipt.ts";

/** Inject `Scheduler` by this type: its transactions are the managers of TypeORM. */
export type ShopScheduler = Scheduler<TypeormTransaction>;

function createScheduler(mail: MailService) {
  return new Scheduler({
    store: postgresStore({ connectionString: databaseUrl(), transactions: typeormTransactions() }),
    executors: [
      // A task may run more than once, so the provider is given its id as the idempotency key.
      executor(sendReceipt, { timeoutMs: 10_000 }, ({ data, taskId, signal }) =>
        mail.send(
          { to: data.email, subject: `Receipt for order ${data.orderId}`, idempotencyKey: taskId },
          signal,
        ),
      ),
    ],
    logger: console,
  });
}

/** Provides `Scheduler`. */
@Module({
  providers: [MailService, { provide: Scheduler, useFactory: createScheduler, inject: [MailService] }],
  exports: [Scheduler],
})
export class SchedulerModule implements OnModuleInit, OnApplicationShutdown {
  readonly #scheduler: ShopScheduler;

  constructor(@Inject(Scheduler) scheduler: ShopScheduler) {
    this.#scheduler = scheduler;
  }

  async onModuleInit(): Promise<void> {
    await this.#scheduler.start(); // makes the tables of owed, and registers this process
    this.#scheduler.startWorker(); // retries, and takes over what other processes leave behind
  }

  /** Nest has ended the requests by now. What is owed and runs is ended here; the rest is left to the next process. */
  async onApplicationShutdown(): Promise<void> {
    await this.#scheduler.stop({ graceMs: 10_000 });
  }
}
