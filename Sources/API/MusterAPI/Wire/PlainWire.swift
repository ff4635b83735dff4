package import MusterWire

/// That something was done.
package struct Success: Hashable, WireType {
    var isSuccess: Bool

    package init(_ isSuccess: Bool = true) { self.isSuccess = isSuccess }

    package static let blank = Success(false)
    package static let schemaName = "Success"
    package static let fields: [WireField<Success>] = [.always("success", \.isSuccess, .boolean)]
}

/// What is said to people.
package struct Message: Hashable, WireWritable {
    package var text: String

    package init(_ text: String) { self.text = text }

    package static let schemaName = "Message"
    package static let fields: [WireField<Message>] = [.always("message", \.text, .prose)]
}

/// How something stands, in a word.
package struct StatusWord: Hashable, WireWritable {
    package var word: String

    package init(_ word: String) { self.word = word }

    package static let schemaName = "Status"
    package static let fields: [WireField<StatusWord>] = [.always("status", \.word, .prose)]
}
