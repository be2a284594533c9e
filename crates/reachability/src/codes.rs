//! The codes of what this crate says about the rules that a network is written in.

use diagnostics::codes;

codes! {
    RULE_MISTAKE = "NET0001", "a firewall rule cannot be read",
        "A rule group's rules are in Suricata's language: action, protocol, source and port, `->` or `<>`, destination \
         and port, and options in parentheses, each ended by `;`. AWS Network Firewall refuses the group when one of \
         them is wrong. Until it is mended the group is taken to do anything.";
    UNDEFINED_VARIABLE = "NET0002", "a firewall rule uses a variable that is not defined",
        "Rules may use `$HOME_NET` and `$EXTERNAL_NET`, variables that their rule group defines under `RuleVariables`, \
         and prefix lists that it names under `ReferenceSets`, with `@`. AWS Network Firewall refuses others.";
    RULE_ORDER = "NET0003", "a rule group and its policy are ordered differently",
        "`RuleOrder` of a stateful rule group has to be that of every firewall policy that uses it; the default is \
         `DEFAULT_ACTION_ORDER`. It cannot be changed once the group exists: make a new one.";
    INDENTED_RULE = "NET0004", "a firewall rule is indented",
        "Suricata passes over a line that begins with a space or a tab, and says nothing. Whether AWS Network Firewall \
         takes such space away is not documented, so an answer that depends on the rule is unknown.";
}
