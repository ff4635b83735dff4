// Whoever speaks in wire types speaks JSON: one import gives both.
@_exported public import MusterJSON
