import Glibc

@testable import CommandTemplates

/// What the tests of templates share.
enum Template {
    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The text for the shell, of a template of one word.
    static func shell(_ text: String, _ values: [String], number: Int = 1, slot: Int = 1) throws -> String {
        let template = try CommandTemplate(shell: bytes(text))
        return self.text(try template.expand(values.map(bytes), number: number, slot: slot).line)
    }

    static func arguments(_ words: [String], _ values: [String], number: Int = 1, slot: Int = 1) throws -> [String] {
        let template = try CommandTemplate(arguments: words.map(bytes))
        guard case .arguments(let found) = try template.expand(values.map(bytes), number: number, slot: slot) else {
            return ["a text for the shell"]
        }
        return found.map(self.text)
    }

    /// The error of a template as a text for the shell, or of its expansion.
    static func refusal(_ text: String, _ values: [String] = ["a"]) -> TemplateError? {
        do throws(TemplateError) {
            let template = try CommandTemplate(shell: bytes(text))
            try template.check(sources: values.count)
            _ = try template.expand(values.map(bytes), number: 1, slot: 1)
            return nil
        } catch {
            return error
        }
    }

    /// What `/bin/sh -c` prints for this text.
    static func run(_ text: [UInt8]) -> [UInt8]? {
        guard let pipe = popen((text + [0]).map { CChar(bitPattern: $0) }, "r") else { return nil }
        var found: [UInt8] = []
        while true {
            let byte = fgetc(pipe)
            if byte == EOF { break }
            found.append(UInt8(truncatingIfNeeded: byte))
        }
        return pclose(pipe) == 0 ? found : nil
    }
}
