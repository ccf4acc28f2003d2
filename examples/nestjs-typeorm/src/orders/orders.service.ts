// Takes orders.
import { randomUUID } from "node:crypto";
import { Inject, Injectable } from "@nestjs/common";
import { Scheduler } from "owed";
import { DataSource } from "typeorm";
import type { ShopScheduler } from "../scheduler/scheduler.module.ts";
import { sendReceipt } from "../scheduler/send-receipt.ts";
import { Order } from "./order.entity.ts";

/** What a customer says. */
export interface NewOrder {
  readonly email: string;
  readonly amountCents: number;
}

/** Orders and what is owed for them. */
@Injectable()
export class OrdersService {
  readonly #dataSource: DataSource;
  readonly #scheduler: ShopScheduler;

  constructor(dataSource: DataSource, @Inject(Scheduler) scheduler: ShopScheduler) {
    this.#dataSource = dataSource;
    this.#scheduler = scheduler;
  }

  /** The order and the receipt that is owed for it are committed together, or not at all. Answers the id of the order. */
  async take({ email, amountCents }: NewOrder): Promise<string> {
    const orderId = randomUUID();
    // The adapter hears of the commit from TypeORM, and sends the receipt straight after it.
    await this.#dataSource.transaction(async (manager) => {
      await manager.insert(Order, { id: orderId, email, amountCents });
      await this.#scheduler.enqueue(
        manager,
        sendReceipt,
        { orderId, email, amountCents },
        { taskId: `receipt:${orderId}`, referenceId: orderId },
      );
    });
    return orderId;
  }
}
