create table "orders" (
  "id" uuid primary key,
  "email" text not null,
  "amount_cents" integer not null
);
