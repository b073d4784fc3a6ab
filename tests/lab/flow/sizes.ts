/**
 * How much data the flow works on, and how long it may take on two cores. Notebooks that prepare and train are run too
 * where a small server can hold their rows.
 */
export const sizes = {
  small: { perDay: 55, allNotebooks: true, alertSeconds: 240, boundSeconds: 12 * 60 },
  full: { perDay: 1100, allNotebooks: false, alertSeconds: 240, boundSeconds: 25 * 60 },
} as const;
