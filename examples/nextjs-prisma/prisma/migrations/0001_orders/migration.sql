create table "orders" (
  "id" uuid not null,
  "email" text not null,
  "amount_cents" integer not null,
  constraint "orders_pkey" primary key ("id")
);
