import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        // Pure and in-process tests: as many at once as there are cores.
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.real.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Tests on the real systems (stack/): one file at a time, each with its own stack.
        test: {
          name: 'real',
          // After the others: they would take the processors away from servers that answer with deadlines.
          sequence: { groupOrder: 1 },
          include: ['test/**/*.real.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
