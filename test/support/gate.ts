export interface Gate {
  /** Called in a step: waits until the gate is open. */
  readonly pass: () => Promise<void>;
  /** Whether a step stands before it, or has passed it. */
  readonly reached: () => boolean;
  readonly open: () => void;
}

/** Keeps a step at work until a test has done what is to happen meanwhile. */
export function gate(): Gate {
  let isReached = false;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    pass: () => {
      isReached = true;
      return opened;
    },
    reached: () => isReached,
    open,
  };
}
