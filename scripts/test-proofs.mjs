// npm run test:proofs [-- VITEST OPTIONS]: what takes too long for npm test, which has a small part of it. vitest.config.ts says
// which files; PIGEONHOLE_TESTS and PIGEONHOLE_KILLS say how much of each.
process.env.PIGEONHOLE_TESTS = 'proofs';
process.env.PIGEONHOLE_KILLS ??= '25';
await import('./test-unit.mjs');
