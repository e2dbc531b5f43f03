# Prints of the failed tests of .trx reports: the name, the first lines of the message, the first lines of the stack
# that name a source file.
BEGIN { RS = "<UnitTestResult "; TESTS = 20; MESSAGE_LINES = 14; STACK_LINES = 6 }

function unescape(text) {
    gsub(/&#xD;/, "", text)
    gsub(/&#xA;/, "\n", text)
    gsub(/&quot;/, "\"", text)
    gsub(/&lt;/, "<", text)
    gsub(/&gt;/, ">", text)
    gsub(/&amp;/, "\\&", text)
    return text
}

# The text of the first such element, "" without one.
function element(name,    start, rest) {
    start = index($0, "<" name ">")
    if (start == 0)
        return ""
    rest = substr($0, start + length(name) + 2)
    return unescape(substr(rest, 1, index(rest, "</" name ">") - 1))
}

function print_first(text, lines, wanted,    all, count, line, printed) {
    count = split(text, all, "\n")
    for (line = 1; line <= count && printed < lines; line++)
        if (all[line] ~ wanted) {
            print "    " substr(all[line], 1, 300)
            printed++
        }
}

/^[^>]* outcome="Failed"/ && ++failures <= TESTS {
    name = substr($0, index($0, "testName=\"") + 10)
    print "test: " unescape(substr(name, 1, index(name, "\"") - 1))
    print_first(element("Message"), MESSAGE_LINES, ".")
    print_first(element("StackTrace"), STACK_LINES, ":line ")
}

END {
    if (failures > TESTS)
        print "and " (failures - TESTS) " more tests"
}
