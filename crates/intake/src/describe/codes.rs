//! The codes of what is said about the output of describe calls.

use diagnostics::codes;

codes! {
    NOTHING_DESCRIBED = "DES0001", "nothing that AWS describes was found",
        "None of the files is the output of a describe call that Steward knows. `steward explain DES0002` says what is \
         expected.";
    FILE_NOT_UNDERSTOOD = "DES0002", "a file is not understood",
        "Steward reads what `aws … describe-… --output json` writes, one call a file, and knows the call by the key at \
         the top (`Vpcs`, `RouteTables`, `UserDetailList`). The file has no key that it knows, so nothing in it is \
         judged. Where that could carry packets, verdicts about packets of that account and region are unknown. \
         Remove the file if it does not belong to the recording.";
    ITEM_NOT_UNDERSTOOD = "DES0003", "an item is not understood",
        "The item lacks what identifies it, or is not a mapping. It is left out of the estate, and stands there as \
         something unknown.";
    FIELD_NOT_UNDERSTOOD = "DES0004", "a field has a value of another kind than AWS returns",
        "AWS's API reference says of what kind the field is. The value is kept as something unknown.";
    DESCRIBED_TWICE = "DES0005", "something is described twice, and differently",
        "An id of AWS is unique, so only one of the descriptions can be true now. They were probably recorded at \
         different times. The first is used; record once more, and remove what is old.";
    GONE = "DES0006", "things that no longer exist are left out",
        "AWS goes on listing what was deleted for a while, with the state `deleted` or `terminated`. Such things carry \
         nothing and are not part of the estate.";
    CUT_OFF = "DES0007", "the output is one page of several",
        "The file has a `NextToken`, a `Marker` or `AdditionalRoutesAvailable`: there was more to describe. The AWS \
         CLI follows these by itself unless it was given `--max-items` or `--no-paginate`. What is missing may matter, \
         so verdicts about packets are unknown.";
    WHOSE = "DES0008", "a file does not say what it is about",
        "The output of some calls, such as `aws ec2 search-transit-gateway-routes`, does not name the thing that was \
         asked about. Put its id into the file's name: `tgw-rtb-0123456789abcdef0.json`.";
    ABOUT_NOTHING = "DES0009", "a description is of something that was not recorded",
        "The file describes a part (attributes, health, entries) of something whose own description is not there. \
         Record that as well; what was read of it is left out.";
}
