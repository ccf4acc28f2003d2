// Orders: their table, their service, their routes.
import { Module } from "@nestjs/common";
import { SchedulerModule } from "../scheduler/scheduler.module.ts";
import { OrdersController } from "./orders.controller.ts";
import { OrdersService } from "./orders.service.ts";

/** Takes orders, and owes a receipt for each. */
@Module({ imports: [SchedulerModule], controllers: [OrdersController], providers: [OrdersService] })
export class OrdersModule {}
