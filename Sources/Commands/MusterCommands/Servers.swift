internal import MusterCommandLine

/// `muster servers`.
enum ServersCommand {
    static let command = Command(
        name: "servers", summary: "list the workers that render",
        description: ["The live workers, over which every picture is spread: the same list as 'muster workers'."],
        flags: CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [Command.Example("muster servers", "Who renders.")], run: WorkersCommand.run)
}
