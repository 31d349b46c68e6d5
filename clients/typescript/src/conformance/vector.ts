/** One vector: its name, and what throws when it does not hold. */
export interface Vector {
  readonly name: string;
  run(): void | Promise<void>;
}
