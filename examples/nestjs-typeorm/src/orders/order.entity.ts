// An order, as TypeORM knows it.
import { Column, Entity, PrimaryColumn } from "typeorm";

/** An order that was taken. */
@Entity("orders")
export class Order {
  @PrimaryColumn("uuid")
  id!: string;

  @Column("text")
  email!: string;

  @Column("integer", { name: "amount_cents" })
  amountCents!: number;
}
