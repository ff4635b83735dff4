internal import CommandTemplates
package import MusterCommandLine

/// A run's own words: the command, and where values come from.
package struct RunWords: Hashable, Sendable {
    package struct Source: Hashable, Sendable {
        package enum Kind: Hashable, Sendable {
            /// `::: VALUE...`
            case values([[UInt8]])
            /// `:::: FILE...`; each of them is a source of its own.
            case file(String)
        }

        package var kind: Kind
        /// `:::+`, `::::+`: walks along with the one before it.
        package var isLinked: Bool
    }

    package var command: [[UInt8]]
    package var sources: [Source] = []

    /// Throws a `CommandError` where there is no command, or no value or file behind the colons.
    package init(_ words: [[UInt8]]) throws(CommandError) {
        command = Array(words.prefix { Self.mark($0) == nil })
        guard !command.isEmpty else { throw .usage("COMMAND is missing: what is to be run for each value") }
        var rest = words[command.count...]
        while let word = rest.popFirst(), let (isFile, isLinked) = Self.mark(word) {
            let values = Array(rest.prefix { Self.mark($0) == nil })
            rest = rest.dropFirst(values.count)
            guard isFile else {
                sources.append(Source(kind: .values(values), isLinked: isLinked))
                continue
            }
            guard !values.isEmpty else {
                throw .usage("\(String(decoding: word, as: UTF8.self)) needs the name of a file")
            }
            for value in values {
                guard let path = String(validating: value, as: UTF8.self) else {
                    throw .usage("the name of a file of values is not valid UTF-8")
                }
                sources.append(Source(kind: .file(path), isLinked: isLinked))
            }
        }
        let isInputTwice = sources.count { $0.kind == .file("-") } > 1
        if isInputTwice { throw .usage("standard input cannot be two sources of values") }
    }

    private static func mark(_ word: [UInt8]) -> (isFile: Bool, isLinked: Bool)? {
        switch String(decoding: word, as: UTF8.self) {
        case ":::": (false, false)
        case ":::+": (false, true)
        case "::::": (true, false)
        case "::::+": (true, true)
        default: nil
        }
    }
}
