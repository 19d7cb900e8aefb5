/** What the services of the desk say to one another. */

export interface Order {
  readonly id: number;
  readonly sku: string;
  readonly quantity: number;
}

export interface Receipt {
  readonly order: number;
  readonly amount: number;
}

/** How an order came out. */
export type Outcome = 'settled' | 'out of stock' | 'not charged' | 'uncertain';

export interface Settled {
  readonly order: number;
  readonly outcome: Outcome;
}
