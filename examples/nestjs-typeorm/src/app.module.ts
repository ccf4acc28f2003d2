// The application: its database, its orders, its scheduler, its health.
import { Module } from "@nestjs/common";
import { TypeOrmModule } from "@nestjs/typeorm";
import { databaseUrl } from "./database-url.ts";
import { HealthController } from "./health.controller.ts";
import { CreateOrders1764000000000 } from "./orders/create-orders.ts";
import { Order } from "./orders/order.entity.ts";
import { OrdersModule } from "./orders/orders.module.ts";
import { SchedulerModule } from "./scheduler/scheduler.module.ts";

/** Everything. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: "postgres",
        url: databaseUrl(),
        entities: [Order],
        migrations: [CreateOrders1764000000000],
        migrationsRun: true,
        installExtensions: false,
      }),
    }),
    SchedulerModule,
    OrdersModule,
  ],
  controllers: [HealthController],
})
export class AppModule {}
