/** What holds a bounded quantity at a solution: nothing, its lower or upper bound, or both because they agree. */
export const INACTIVE = 0;
export const AT_LOW = 1;
export const AT_HIGH = 2;
export const HELD = 3;
