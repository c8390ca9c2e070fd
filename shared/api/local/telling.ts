import { isHoldfastError } from '../../core/errors.ts';

/** Tells channels what has changed, one check at a time: what asks for one meanwhile gets another after it. */
export class Telling {
  readonly #check: () => Promise<unknown>;
  readonly #onProblem: (message: string) => void;
  #pending: Promise<void> | undefined;
  #isWanted = false;

  constructor(check: () => Promise<unknown>, onProblem: (message: string) => void) {
    this.#check = check;
    this.#onProblem = onProblem;
  }

  /** Begins a check, and waits for nothing. Throws nothing. */
  begin(): void {
    this.#isWanted = true;
    this.#pending ??= this.#run().finally(() => {
      this.#pending = undefined;
    });
  }

  /** Waits until all is said. */
  async settled(): Promise<void> {
    await this.#pending;
  }

  async #run(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        await this.#check();
      } catch (error) {
        if (!isHoldfastError(error, 'E_ABORTED'))
          this.#onProblem(`nobody was told what changed: ${(error as Error).message}`);
      }
    }
  }
}
