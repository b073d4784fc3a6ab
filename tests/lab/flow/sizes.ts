/** How much data the flow works on, and how long it may take on two cores. */
export const sizes = {
  small: { perDay: 55, alertSeconds: 240, boundSeconds: 12 * 60 },
  full: { perDay: 1100, alertSeconds: 240, boundSeconds: 25 * 60 },
} as const;
