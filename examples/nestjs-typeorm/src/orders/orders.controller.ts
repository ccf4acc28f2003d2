// POST /orders.
import { BadRequestException, Body, Controller, Post } from "@nestjs/common";
import { z } from "zod";
import { OrdersService } from "./orders.service.ts";

const newOrder = z.object({ email: z.email(), amountCents: z.int().positive() });

/** Orders over HTTP. */
@Controller("orders")
export class OrdersController {
  readonly #orders: OrdersService;

  constructor(orders: OrdersService) {
    this.#orders = orders;
  }

  @Post()
  async take(@Body() body: unknown): Promise<{ orderId: string }> {
    const { data, error } = newOrder.safeParse(body);
    if (error) throw new BadRequestException({ problems: error.issues });
    return { orderId: await this.#orders.take(data) };
  }
}
