import { isHoldfastError } from '../../core/errors.ts';

/** Notifies channels of changes, one check at a time: a request during a check gets another one after it. */
export class Telling {
  readonly #check: () => Promise<unknown>;
  readonly #onProblem: (message: string) => void;
  #pending: Promise<void> | undefined;
  #isWanted = false;

  constructor(check: () => Promise<unknown>, onProblem: (message: string) => void) {
    this.#check = check;
    this.#onProblem = onProblem;
  }

  /** Begins a check, without waiting. Never throws. */
  begin(): void {
    this.#isWanted = true;
    this.#pending ??= this.#run().finally(() => {
      this.#pending = undefined;
    });
  }

  /** Waits until everything is sent. */
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
          this.#onProblem(`no notifications were sent: ${(error as Error).message}`);
      }
    }
  }
}
