/// As a text that is stored: a line for each thing, in the order of their names.
///
///     cpus=4
///     memory=1073741824
///     gpus=1
///     count licences=2
///     label site=lab
///
/// Names of counts and labels hold no line's end, names of labels no `=`.
extension Needs {
    package var text: String {
        let labels = labels.sorted { $0.key < $1.key }.map { "label \($0.key)=\($0.value)\n" }
        return amounts.text + labels.joined()
    }

    /// Nil for what no version before or of this one wrote.
    package init?(text: String) {
        var labels: [String: String] = [:]
        var rest = ""
        for line in text.split(separator: "\n") {
            guard line.hasPrefix("label ") else {
                rest += line + "\n"
                continue
            }
            guard let equals = line.firstIndex(of: "=") else { return nil }
            labels[String(line[..<equals].dropFirst("label ".count))] = String(line[line.index(after: equals)...])
        }
        guard let amounts = Amounts(text: rest) else { return nil }
        self.init(amounts, labels: labels)
    }

    /// Whether names can be stored.
    package static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

extension Amounts {
    package var text: String {
        var lines = ["cpus=\(cpus)"]
        if memory != 0 { lines.append("memory=\(memory)") }
        if gpus != 0 { lines.append("gpus=\(gpus)") }
        lines += counts.sorted { $0.key < $1.key }.map { "count \($0.key)=\($0.value)" }
        return lines.map { $0 + "\n" }.joined()
    }

    package init?(text: String) {
        self.init()
        var counts: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            // A count's name may have one of its own.
            guard let equals = line.lastIndex(of: "="), let number = Int(line[line.index(after: equals)...]) else {
                return nil
            }
            let name = line[..<equals]
            switch name {
            case "cpus": cpus = number
            case "memory": memory = number
            case "gpus": gpus = number
            case _ where name.hasPrefix("count "): counts[String(name.dropFirst("count ".count))] = number
            default: return nil
            }
        }
        self.init(cpus: cpus, memory: memory, gpus: gpus, counts: counts)
    }
}
