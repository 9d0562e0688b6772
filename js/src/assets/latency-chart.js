// The chart of one stream or of several, for widgets that show it only when it is asked for.

export { LatencyChart as default } from "../latency/chart.js";
