"""The words that the demo's customers write with. All of them are our own."""

LABELS = [
    ("Where is my order", "Late, lost or stuck on its way"),
    ("Return or exchange", "Wants to send something back or swap it"),
    ("Refund not received", "Sent it back and waits for the money"),
    ("Damaged or wrong item", "Broken, incomplete, or not what was ordered"),
    ("Payment problem", "Declined, charged twice, voucher not taken"),
    ("Change or cancel order", "Before it is sent: address, size, cancel"),
    ("Account and login", "Password, e-mail address, deleting the account"),
    ("Other", "Thanks, complaints, questions about the shop"),
]

PRODUCTS = (
    "rain jacket,hiking boots,reading lamp,coffee grinder,desk chair,running shoes,wool blanket,frying pan,"
    "bike helmet,yoga mat,travel bag,winter coat,kitchen scale,alarm clock,garden hose,tea kettle,bed frame,"
    "phone case,camping tent,board game,bath towels,wall shelf,baby monitor,electric drill"
).split(",")
PLACES = "Leeds,Cork,Graz,Ghent,Porto,Turku,Lyon,Bergen,Malmo,Riga,Basel,Split,Gdansk,Trieste".split(",")
COLOURS = "blue,green,black,grey,red,white,yellow,brown".split(",")
DAYS = "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday".split(",")

OPENINGS = (
    "Hello,|Hi there,|Good morning,|Hi,|Dear team,|Hey,|Good evening,|Excuse me,|||||"
    "Sorry to write again,|I hope you can help,|Quick question:|"
).split("|")
CLOSINGS = (
    "||||Thank you.|Thanks in advance.|Please help.|Can you check?|Regards from {place}.|"
    "I would like an answer by {day}.|This is the second time I write.|My order number is {number}.|"
    "I have been a customer for {years} years.|Please call me if you need anything."
).split("|")

# {product} {place} {colour} {day} {days} {number} {amount} {years} are filled in
CORES: dict[str, list[str]] = {
    "Where is my order": [
        "my {product} should have been here on {day} and the tracking has not moved since",
        "the courier says it was delivered in {place} but nobody here has seen a {product}",
        "I ordered a {colour} {product} {days} days ago and there is still no message that it left",
        "tracking shows the parcel with the {product} going back and forth between {place} and the depot",
        "where is the {product} I paid for on {day}",
        "the driver left a card, the pick-up shop in {place} says they have no parcel for me",
        "how much longer will the {colour} {product} take, you promised two working days",
        "only one of two parcels arrived, the one with the {product} is still missing",
        "my delivery window was {day} morning, I waited at home and nobody came",
        "the status of my {product} has said “in preparation” for {days} days",
    ],
    "Return or exchange": [
        "the {product} is fine but too large, how do I send it back",
        "I would like to swap the {colour} {product} for a {colour2} one",
        "can I still return a {product} after {days} days if I never used it",
        "the return label for my {product} will not print, can you send it again",
        "I changed my mind about the {product}, where do I drop it in {place}",
        "is it free to send the {product} back or do I pay for postage",
        "please tell me how to exchange a {product} for the next size",
        "I want to give the {product} back and get my money",
        "your form says my {product} cannot be returned, why is that",
        "I sent the {product} back by mistake in the same box as another return",
    ],
    "Refund not received": [
        "I sent the {product} back {days} days ago and have not seen any money",
        "you confirmed the return of my {product} on {day} but the {amount} are not in my account",
        "the refund for the {colour} {product} is {amount} short",
        "how long does a refund take, the {product} reached you in {place} on {day}",
        "you paid me back in vouchers although I paid for the {product} by card",
        "my bank says that no refund for a {product} was ever sent",
        "I returned two things and only the {product} was paid back",
        "I gave the {product} back and want my money",
        "the return shows as received, the refund of {amount} shows as pending since {day}",
        "is there a problem with the refund for my {product}",
    ],
    "Damaged or wrong item": [
        "the {product} arrived with a crack along one side",
        "I ordered a {colour} {product} and got a {colour2} one",
        "the box was open and the {product} inside is scratched",
        "two screws and the manual are missing from the {product}",
        "there was a {product} in my parcel, I never ordered one",
        "the {product} stopped working after {days} days",
        "one of the parts of the {product} does not fit, I think it is from another model",
        "the {colour} {product} smells of paint and has stains on the back",
        "the parcel was wet when it came and the {product} is ruined",
        "you sent the {product} in the wrong size although the invoice is right",
    ],
    "Payment problem": [
        "my card was declined for the {product} but the bank says all is well",
        "I was charged {amount} twice for one {product}",
        "the voucher for {amount} is not accepted at the checkout",
        "I paid for the {product} by transfer on {day} and the order still says unpaid",
        "the total at the checkout was {amount} higher than the price of the {product}",
        "the page went white after I pressed pay, was the {product} ordered or not",
        "why is there a payment of {amount} that I do not recognise",
        "instalments were offered for the {product} and then refused",
        "my invoice for the {product} names the wrong company",
        "the discount for new customers was not taken off the {product}",
    ],
    "Change or cancel order": [
        "please cancel the {product} I ordered this morning, it has not left yet",
        "I gave the wrong street in {place}, can you still change the address",
        "can I add a {colour} {product} to the order I placed on {day}",
        "I need the {product} in another size, the order is still open",
        "please send the {product} to my office in {place} instead",
        "I ordered two by mistake, please make it one {product}",
        "can the delivery of the {product} wait until {day}",
        "stop the order of the {colour} {product}, I found it in a shop",
        "the button to cancel my {product} is grey although nothing was sent",
        "could you hold the parcel back until I am home on {day}",
    ],
    "Account and login": [
        "I cannot sign in any more, the page says that my password has run out",
        "the link to set a new password never arrives",
        "please delete my account and everything you know about me",
        "I moved to {place} and cannot save the new address in my profile",
        "somebody ordered a {product} from my account and it was not me",
        "my old e-mail address does not exist any longer, how do I change it",
        "I have two accounts and want to put them together",
        "the code that you text me on {day} arrives after it has run out",
        "why am I signed out each time I look at a {product}",
        "how do I stop the newsletter, the link in it is dead",
    ],
    "Other": [
        "just wanted to say that the {product} is lovely",
        "do you have a shop in {place}",
        "when will the {colour} {product} be back",
        "is the {product} made in Europe",
        "your music on the phone is far too loud",
        "do you hire people in {place}",
        "does the {product} fit in a small flat",
        "I read that you close the store in {place}, is that true",
        "can I use the {product} outdoors in winter",
        "what is the difference between the {colour} and the {colour2} {product}",
    ],
}

# Drift: in the last weeks a wallet appears that was not there before
WALLET = [
    "the new wallet in the app took {amount} and then said that the {product} is not paid",
    "since the update the wallet asks for a code that I never get when I buy a {product}",
    "I topped up the wallet with {amount} and it shows zero",
    "the wallet pays for the {product} twice if I press back",
]

# Phone notes: agents write in shorthand, and a good part of what they note could be two things
PHONE = [
    "cust re {product}, ordered {day}, not happy, wants call back",
    "cust asks abt {product}, see prev ticket, promised answer by {day}",
    "{product} again. told cust {days} d. check",
    "cust from {place}, {product}, money or new one, unclear",
    "call dropped. {product}, {amount}. cust will write",
]
