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
        // Tests on the real systems (stack/): each file has a stack of its own, and mostly waits for it.
        test: {
          name: 'real',
          // After the others: they would take the processors away from servers that answer with deadlines.
          sequence: { groupOrder: 1 },
          include: ['test/**/*.real.test.ts'],
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
