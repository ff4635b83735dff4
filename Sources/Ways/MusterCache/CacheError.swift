/// Why something could not be kept, or be read again.
package struct CacheError: Error, CustomStringConvertible, Sendable {
    package enum Code: Sendable {
        /// The disk is full, or cannot be written; later may work.
        case unwritable
        /// What lies on the disk is not what was put there; the object is gone, fetch it again.
        case corrupt
        case unreadable
    }
    package var code: Code
    package var message: String
    package var description: String { message }

    package init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }
}
