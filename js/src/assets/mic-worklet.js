// The audio thread's part of the mic widget, for pages whose policy lets no module be made from a Blob.

import { register } from "../mic/processor.js";

register();
